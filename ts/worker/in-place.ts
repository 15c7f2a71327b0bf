import type { Storages } from '../storage/choose.js';
import { Client } from './client.js';
import type { Glue } from './glue.js';
import { Host } from './host.js';
import type { BudgetSettings, Reply } from './protocol.js';

/** A client whose host runs on this thread. */
export function connectInPlace(
  glue: Glue,
  storages: Storages,
  memoryBudget: BudgetSettings | undefined,
): Client {
  const client: Client = new Client({
    inPlace: true,
    post: (request) => void host.receive(request),
  });
  const send = (reply: Reply) => client.receive(reply);
  const host = new Host({ glue, threads: () => 1, storages, send, memoryBudget });
  return client;
}
