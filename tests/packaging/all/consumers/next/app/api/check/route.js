import { Collection } from 'kindex';
import { check } from '../../../../check.js';

export async function POST(request) {
  const bytes = await request.arrayBuffer();
  return Response.json(await check(Collection, bytes, { storage: 'memory' }));
}
