import { Collection } from 'kindex';

const colors = await Collection.open('colors', { dimension: 3, metric: 'euclidean' });
await colors.upsert([
  { id: 'red', vector: [1, 0, 0], metadata: { warm: true } },
  { id: 'orange', vector: [1, 0.6, 0], metadata: { warm: true } },
  { id: 'teal', vector: [0, 0.5, 0.5], metadata: { warm: false } },
]);
const hits = await colors.search([0.9, 0.5, 0.1], { k: 2, where: { warm: true } });
for (const { id, distance } of hits) console.log(id, distance.toFixed(2));
