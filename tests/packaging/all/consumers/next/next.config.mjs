import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

// #region config
const config = {
  // All cores in the page.
  headers: async () => [
    {
      source: '/:path*',
      headers: [
        { key: 'Cross-Origin-Opener-Policy', value: 'same-origin' },
        { key: 'Cross-Origin-Embedder-Policy', value: 'require-corp' },
      ],
    },
  ],
};

export default config;
// #endregion

if (!process.env.ISOLATED) delete config.headers;
// The check that all consumers share is beside this folder, and Next wants to know how far it may look.
const root = dirname(dirname(fileURLToPath(import.meta.url)));
Object.assign(config, { outputFileTracingRoot: root, turbopack: { root } });
