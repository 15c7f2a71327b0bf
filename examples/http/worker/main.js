import { Collection } from 'kindex';
import { bearerToken, createHandler } from 'kindex/server';

let handler;

export default {
  fetch(request, env) {
    handler ??= createHandler({
      // A Worker is never on the loopback: without a token nothing is served.
      authorize: bearerToken(env.TOKEN),
      open: (name) => (name === 'words' ? Collection.open(name, { dimension: 384 }) : undefined),
    });
    return handler(request);
  },
};
