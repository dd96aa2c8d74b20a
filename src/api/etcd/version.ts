/**
 * The level of the etcd API that clients may count on. They switch features on by it: at 3.4.31 of the 3.4 line and at
 * 3.5.13 the Kubernetes API server begins to trust progress notifications of watches, and at 3.6 clients expect streams
 * and fields that are not served here. 3.5.0 is the highest level that promises nothing which is not kept.
 */
export const etcdVersion = '3.5.0';
