/** Where to go after the login: only ever a page of this site. */
export function safeRedirect(target: string | undefined): string {
  if (!target?.startsWith('/') || target.startsWith('//') || target.includes('\\')) return '/';
  return target.startsWith('/login') ? '/' : target;
}
