// `npm start`: sets up, builds the package and the demo page, and serves the page.
import { build } from './build.mjs';
import { buildSite, siteFolders } from './build-site.mjs';
import { Failure, main } from './process.mjs';
import { announce } from './serve.mjs';

await main(async () => {
  const port = Number(process.env.PORT ?? 5173);
  if (!Number.isInteger(port) || port < 0 || port > 65535)
    throw new Failure('PORT must be 0 to 65535');
  await build();
  await buildSite();
  await announce(siteFolders, { port });
});
