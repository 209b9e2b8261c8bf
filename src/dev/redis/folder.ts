/** Owns the folders of the cluster's Redis servers, and the pid file in each. */
import { join } from 'node:path';

/** In the cluster's data folder; no region can have this name. */
export const REDIS_FOLDER = 'redis.d';
/** The name includes the port, which distinguishes the server from another process that has the same number now. */
export const PID_FILE = /^redis-(\d+)\.pid$/;

export function pidFile(folder: string, port: number): string {
  return join(folder, `redis-${port}.pid`);
}
