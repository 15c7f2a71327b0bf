/** @module kindex/durable-object */
export { type DurableObjectContext, DurableObjectStorage } from '../storage/durable-object.js';
