/** Owns where the cluster's Redis servers have their folders, and the pid file in each. */
import { join } from 'node:path';

/** In the cluster's data; no region can have this name. */
export const REDIS_FOLDER = 'redis.d';
/** The port in its name tells the server from another process that has got its number since. */
export const PID_FILE = /^redis-(\d+)\.pid$/;

export function pidFile(folder: string, port: number): string {
  return join(folder, `redis-${port}.pid`);
}
