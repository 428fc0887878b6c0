/** Where the running Portolan is, and a browser to look at it. */
import { randomUUID } from 'node:crypto';
import { chromium, type Browser } from 'playwright-core';

export interface Setting {
  url: string;
  user: string;
  password: string;
  adminApi: string;
  adminKey: string;
}

export function setting(): Setting {
  return {
    url: required('PORTOLAN_E2E_URL'),
    user: required('PORTOLAN_E2E_USER'),
    password: required('PORTOLAN_E2E_PASSWORD'),
    adminApi: required('PORTOLAN_E2E_ADMIN_API'),
    adminKey: required('PORTOLAN_E2E_ADMIN_KEY'),
  };
}

function required(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set; the end-to-end tests need a running control plane (README.md)`);
  return value;
}

export function launch(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env['PORTOLAN_E2E_CHROMIUM'] ?? '/usr/bin/chromium',
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

/** An id that no other run has used, so that the tests bear any data in the store. */
export const freshId = (prefix: string) => `${prefix}-${randomUUID().slice(0, 8)}`;

export async function putRoute({ adminApi, adminKey }: Setting, id: string, route: object): Promise<void> {
  const answer = await fetch(new URL(`/apisix/admin/routes/${id}`, adminApi), {
    method: 'PUT',
    headers: { 'X-API-KEY': adminKey, 'Content-Type': 'application/json' },
    body: JSON.stringify(route),
  });
  if (!answer.ok) throw new Error(`PUT of route ${id} answered ${answer.status}: ${await answer.text()}`);
}
