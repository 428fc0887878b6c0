/** The way of a new user through the dashboard, against a real control plane. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freshId, launch, putRoute, setting } from './setting';

const at = setting();
const id = freshId('shell');
const route = (uri: string) => ({
  name: `Route of ${id}`,
  uri,
  upstream: { type: 'roundrobin', nodes: { '127.0.0.1:1980': 1 } },
});

let browser: Browser;
let page: Page;
const problems: string[] = [];
const foreign: string[] = [];

beforeAll(async () => {
  await putRoute(at, id, route(`/${id}/old`));
  await putRoute(at, id, route(`/${id}/new`));
  browser = await launch();
  // The control plane's certificate comes from its own internal CA.
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  page = await context.newPage();
  page.setDefaultTimeout(20_000);
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('console', (message) => {
    // The browser itself reports the 401 of the signed-out session and of the wrong password.
    if (message.type() === 'error' && !message.text().includes('401')) problems.push(message.text());
  });
  page.on('request', (request) => {
    if (new URL(request.url()).origin !== new URL(at.url).origin) foreign.push(request.url());
  });
});

afterAll(async () => {
  await browser?.close();
});

async function signIn(password: string): Promise<void> {
  await page.getByLabel('User', { exact: true }).fill(at.user);
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

test('a deep link leads through the login and back', async () => {
  await page.goto(`${at.url}/routes?q=${id}`);
  await signIn(`${at.password}-wrong`);
  await page.getByRole('alert').getByText('Wrong user or password.').waitFor();
  await signIn(at.password);
  await page.getByRole('heading', { name: 'Routes', level: 1 }).waitFor();
  expect(new URL(page.url()).search).toBe(`?q=${id}`);
});

test('the route is in the list', async () => {
  const row = page.getByRole('table', { name: 'Routes' }).getByRole('row').filter({ hasText: id });
  await row.getByText(`/${id}/new`).waitFor();
  await row.getByText('127.0.0.1:1980').waitFor();
  await row.getByText('enabled').waitFor();
});

test('the page of the route shows the document and its history', async () => {
  await page.getByRole('link', { name: id, exact: true }).click();
  await page.getByRole('heading', { name: `Route ${id}`, level: 1 }).waitFor();
  await page.getByRole('region', { name: 'document' }).getByText(`"/${id}/new"`).waitFor();
  const versions = page.getByRole('table', { name: 'History' }).getByRole('link', { name: /^Show revision/ });
  await versions.nth(1).waitFor();
  expect(await versions.count()).toBe(2);
  await versions.nth(1).click();
  await page.getByRole('region', { name: 'document' }).getByText(`"/${id}/old"`).waitFor();
});

test('its event is in the log, found by the filters in the address', async () => {
  await page.getByRole('link', { name: 'Events', exact: true }).click();
  await page.getByRole('heading', { name: 'Events', level: 1 }).waitFor();
  await page.getByLabel('Resource id').fill(id);
  await page.waitForURL(`**/events?resource_id=${id}`);
  await page.getByRole('combobox', { name: 'Outcome' }).selectOption('success');
  const rows = page.getByRole('table', { name: 'Events' }).getByRole('row').filter({ hasText: id });
  await rows.filter({ hasText: 'route.create' }).waitFor();
  expect(await rows.count()).toBe(2);
});

test('the event says who, where from and what', async () => {
  const row = page.getByRole('row').filter({ hasText: 'route.update' });
  await row.getByRole('link', { name: /^Event \d+$/ }).click();
  await page.getByRole('heading', { name: /^Event \d+$/, level: 1 }).waitFor();
  await page.getByRole('region', { name: 'Who' }).getByText('API key', { exact: true }).waitFor();
  await page.getByRole('region', { name: 'When and where from' }).getByText('Admin API').waitFor();
  expect(await page.getByRole('region', { name: 'Proof and trace' }).innerText()).toMatch(/[0-9a-f]{64}/);

  const fields = page.getByRole('table', { name: `Changed fields of /apisix/routes/${id}` });
  const uri = fields.getByRole('row').filter({ has: page.getByText('uri', { exact: true }) });
  expect(await uri.innerText()).toMatch(new RegExp(`/${id}/old[^]*/${id}/new`));
  await page.getByText('Side by side').click();
  await page.getByRole('region', { name: `/apisix/routes/${id} before and after` }).getByText(`/${id}/old`).waitFor();
});

test('the plan of a rollback can be read without doing it', async () => {
  await page.getByRole('button', { name: 'Roll back the group to here' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText(/There is nothing to roll back|keys? changes?/).waitFor();
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'hidden' });
});

test('a rollback puts the old state back as a new event', async () => {
  const update = Number(new URL(page.url()).pathname.split('/').at(-1));
  await putRoute(at, id, route(`/${id}/mistake`));
  await page.getByRole('button', { name: 'Roll back the group to here' }).click();
  const plan = page.getByRole('dialog').getByRole('list', { name: 'Planned changes' });
  await plan.getByText(`/apisix/routes/${id}`).waitFor();
  const confirm = page.getByRole('dialog').getByRole('button', { name: /^Roll back .*keys?$/ });
  await confirm.click();
  await page.getByText('Say why').waitFor();
  await page.getByLabel('Reason').fill(`undo the mistake of ${id}`);
  await confirm.click();
  await page.waitForURL((url) => Number(url.pathname.split('/').at(-1)) > update);
  await page.getByRole('region', { name: 'What' }).getByText('group.rollback').waitFor();
  await page.getByText(`undo the mistake of ${id}`).waitFor();
});

test('signing out ends the session', async () => {
  await page.getByRole('button', { name: /^Account of/ }).click();
  await page.getByRole('menuitem', { name: 'Sign out' }).click();
  await page.getByRole('button', { name: 'Sign in' }).waitFor();
  await page.goto(`${at.url}/events`);
  await page.getByRole('button', { name: 'Sign in' }).waitFor();
});

test('nothing went wrong on the way and nothing came from elsewhere', () => {
  expect(problems).toEqual([]);
  expect(foreign).toEqual([]);
});
