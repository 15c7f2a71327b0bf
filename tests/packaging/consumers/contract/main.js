import { makeHandler } from './handler.js';

let handler;

export default {
  fetch(request, env) {
    handler ??= makeHandler(env.TOKEN);
    return handler(request);
  },
};
