export { type DurableObjectContext, DurableObjectStorage } from '../storage/durable-object.js';
