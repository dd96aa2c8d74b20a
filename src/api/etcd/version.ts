/**
 * The level of the etcd API that clients may count on. They switch features on by it: from 3.5.13 of the 3.5 line on the
 * Kubernetes API server trusts progress notifications of watches, which are kept here; at 3.6 clients expect streams and
 * fields that are not all served.
 */
export const etcdVersion = '3.5.13';
