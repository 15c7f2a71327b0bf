import { Collection } from 'kindex';
import { check } from '../check.js';

export default {
  async fetch(request) {
    return Response.json(await check(Collection, await request.arrayBuffer()));
  },
};
