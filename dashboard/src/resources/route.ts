/** What the list says about a route, read from its APISIX document. Fields may be missing or of a foreign shape. */
import type { Json, Resource } from '../api/types';
import { isObject } from '../diff/fields';

export interface RouteSummary {
  id: string;
  name: string;
  uris: string[];
  /** Empty means every method. */
  methods: string[];
  hosts: string[];
  upstream: string;
  plugins: string[];
  enabled: boolean;
  revision: number;
}

export function summarize({ id, value: document, mod_revision }: Resource): RouteSummary {
  const value = isObject(document) ? document : {};
  return {
    id,
    name: text(value['name']),
    uris: texts(value['uris'], value['uri']),
    methods: texts(value['methods']),
    hosts: texts(value['hosts'], value['host']),
    upstream: upstreamOf(value),
    plugins: isObject(value['plugins']) ? Object.keys(value['plugins']) : [],
    enabled: value['status'] !== 0,
    revision: mod_revision,
  };
}

/** Every word of the search must be found somewhere in the row. */
export function matches(route: RouteSummary, search: string): boolean {
  const { id, name, uris, methods, hosts, upstream, plugins } = route;
  const haystack = [id, name, upstream, ...uris, ...methods, ...hosts, ...plugins].join('\n').toLowerCase();
  return search
    .toLowerCase()
    .split(/\s+/)
    .every((word) => haystack.includes(word));
}

function upstreamOf(route: Record<string, Json>): string {
  const upstream = route['upstream'];
  if (isObject(upstream)) return nodesOf(upstream['nodes']) || text(upstream['service_name']) || 'inline';
  const upstreamId = text(route['upstream_id']);
  if (upstreamId) return `upstream ${upstreamId}`;
  const serviceId = text(route['service_id']);
  return serviceId ? `service ${serviceId}` : '';
}

/** `{"host:port": weight}` or `[{host, port, weight}]`: the first node and how many more there are. */
function nodesOf(nodes: Json | undefined): string {
  const names = Array.isArray(nodes)
    ? nodes.filter(isObject).map((node) => [text(node['host']), text(node['port'])].filter(Boolean).join(':'))
    : isObject(nodes)
      ? Object.keys(nodes)
      : [];
  const [first, ...others] = names;
  if (first === undefined) return '';
  return others.length === 0 ? first : `${first} +${others.length}`;
}

function text(value: Json | undefined): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

function texts(list: Json | undefined, single?: Json): string[] {
  if (Array.isArray(list)) return list.map(text).filter(Boolean);
  const one = text(single);
  return one ? [one] : [];
}
