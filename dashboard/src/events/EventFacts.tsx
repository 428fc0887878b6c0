import { Group, Text } from '@mantine/core';
import type { AuditEvent } from '../api/types';
import { Facts } from '../ui/Facts';
import { CopyText } from '../ui/JsonView';
import { TextLink } from '../ui/links';
import { Panel } from '../ui/Panel';
import { localTime } from '../ui/time';
import { OutcomeMark } from './OutcomeMark';
import { ResourceLink } from './ResourceLink';
import { actorKind, actorName, authMethod, interfaceName } from './words';
import classes from './EventFacts.module.css';

/** Who, when, from where, what. */
export function EventFacts({ event }: { event: AuditEvent }) {
  const { actor, source } = event;
  return (
    <div className={classes.grid}>
      <Panel title="What">
        <Facts
          facts={{
            Action: <code>{event.action}</code>,
            Outcome: <OutcomeMark outcome={event.outcome} />,
            Resource: event.resource && <ResourceLink resource={event.resource} />,
            'Gateway group': event.gateway_group_id,
            Reason: event.reason,
            Error: event.error && [event.error.status, event.error.message].filter((part) => part !== null).join(' · '),
            // What causes a rollback is the event whose state it brings back.
            [event.action === 'group.rollback' ? 'Back to' : 'Caused by']: event.causation_revision !== null && (
              <TextLink to="/events/$revision" params={{ revision: event.causation_revision }}>
                event {event.causation_revision}
              </TextLink>
            ),
          }}
        />
      </Panel>
      <Panel title="Who">
        <Facts
          facts={{
            Actor: actorName(actor),
            Kind: actorKind(actor.kind),
            Id: actor.id !== actorName(actor) && actor.id,
            'Signed in by': authMethod(actor.auth_method),
            Roles: actor.roles.join(', '),
          }}
        />
      </Panel>
      <Panel title="When and where from">
        <Facts
          facts={{
            Recorded: (
              <span className="number">
                {localTime(event.recorded_at)}
                <Text span size="xs" display="block" className="faint">
                  {event.recorded_at}
                </Text>
              </span>
            ),
            Address: source.ip,
            Through: interfaceName(source.interface),
            'User agent': source.user_agent,
          }}
        />
      </Panel>
      <Panel title="Proof and trace">
        <Facts
          facts={{
            'No longer there': event.redacted.join(', '),
            'Leaf hash': <Copied text={event.leaf_hash} name="leaf hash" />,
            'Event id': <code>{event.event_id}</code>,
            'Request id': event.request_id && <code>{event.request_id}</code>,
            'Trace id': event.trace_id && <code>{event.trace_id}</code>,
          }}
        />
      </Panel>
    </div>
  );
}

function Copied({ text, name }: { text: string; name: string }) {
  return (
    <Group gap={4} wrap="nowrap" align="flex-start">
      <code className="break">{text}</code>
      <CopyText text={text} label={`Copy ${name}`} />
    </Group>
  );
}
