import { Text } from '@mantine/core';
import { CopyText } from '../ui/JsonView';
import { Empty } from '../ui/states';
import classes from './NoRoutes.module.css';

const EXAMPLE = `curl -X PUT http://127.0.0.1:9180/apisix/admin/routes/1 \\
  -H "X-API-KEY: $PORTOLAN_ADMIN_KEY" \\
  -d '{
    "name": "first",
    "uri": "/*",
    "upstream": { "type": "roundrobin", "nodes": { "127.0.0.1:8000": 1 } }
  }'`;

export function NoRoutes() {
  return (
    <Empty title="No routes yet">
      <Text size="sm" className="faint">
        Put one with the Admin API. It appears here, in the log, and on every data plane of the group.
      </Text>
      <div className={classes.frame}>
        <pre className={classes.code} tabIndex={0} role="region" aria-label="Example request">
          {EXAMPLE}
        </pre>
        <div className={classes.copy}>
          <CopyText text={EXAMPLE} label="Copy example" />
        </div>
      </div>
      <Text size="xs" className="faint">
        The key and the address of the Admin API are printed by <code>portolan up</code>.
      </Text>
    </Empty>
  );
}
