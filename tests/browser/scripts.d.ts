/** The scripts that tests and benchmarks use; they are JavaScript, so that they run before anything is installed. */
declare module '*/scripts/browsers.mjs' {
  export const chromiumFlags: string[];
  export function findBrowser(name: 'chromium' | 'firefox'): string | undefined;
}
declare module '*/scripts/consumers.mjs' {
  export function provideModules(source: string, what: string): Promise<string>;
}
declare module '*/scripts/paths.mjs' {
  export const root: string;
  export const pkg: string;
}
declare module '*/scripts/serve.mjs' {
  export function serve(
    folders: Record<string, string>,
    options: { port?: number; isolated?: boolean },
  ): Promise<{ url: string; close(): Promise<void> }>;
}
