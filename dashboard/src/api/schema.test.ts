// @vitest-environment node
/** Keeps `schema.d.ts` in step with the control plane's contract; `npm run api` writes it anew. */
import { readFile, writeFile } from 'node:fs/promises';
import openapiTS, { astToString } from 'openapi-typescript';
import { expect, it } from 'vitest';

const CONTRACT = new URL('../../../cp/openapi.json', import.meta.url);
const TYPES = new URL('schema.d.ts', import.meta.url);
const HEAD = '/** Written by `npm run api` from `cp/openapi.json`; never edit it. */\n\n';

interface Contract {
  paths: Record<string, unknown>;
  components: { schemas: Record<string, unknown>; responses: Record<string, unknown> };
}

type Entries = Record<string, unknown>;

const pick = (entries: Entries, isWanted: (name: string) => boolean): Entries =>
  Object.fromEntries(Object.entries(entries).filter(([name]) => isWanted(name)));

const isOwn = (name: string) => !name.startsWith('Face');

/** The dashboard uses the control plane's own API; the face for clients of APISIX is none of its business. */
function ownApi(contract: Contract): Contract {
  const { schemas, responses } = contract.components;
  return {
    ...contract,
    paths: pick(contract.paths, (path) => path.startsWith('/api/')),
    components: { ...contract.components, schemas: pick(schemas, isOwn), responses: pick(responses, isOwn) },
  };
}

it('is what the contract of the control plane says', { timeout: 30_000 }, async () => {
  const contract = JSON.parse(await readFile(CONTRACT, 'utf8')) as Contract;
  const types = HEAD + astToString(await openapiTS(JSON.stringify(ownApi(contract))));
  if (process.env['UPDATE'] === '1') await writeFile(TYPES, types);
  expect(await readFile(TYPES, 'utf8'), 'run `npm run api`').toBe(types);
});
