import { ButtonLink } from './links';
import { PageHeader } from './PageHeader';
import { Panel } from './Panel';
import { Empty } from './states';

export function NotFound() {
  return (
    <>
      <PageHeader title="No such page" />
      <Panel>
        <Empty title="Nothing is charted at this address">
          <ButtonLink variant="default" to="/routes">
            Go to the routes
          </ButtonLink>
        </Empty>
      </Panel>
    </>
  );
}
