/** What to do when a data directory is of no use any more. */
export const lostDirectoryAdvice =
  'The others go on without it, as long as they are a majority. To have all replicas again, remove this member (quorate ' +
  'member remove), add it anew (quorate member add) and start it with an empty directory and --initial-cluster-state ' +
  'existing; if this was the only replica, or the others are no majority, restore the last backup into a new cluster (quorate ' +
  'snapshot restore for each member).';

/** The same, where files may merely have been moved. What an older copy would forget was promised to the others. */
export const lostFilesAdvice = `If files of this directory were moved, put them back; an older copy will not do. If they are lost: ${lostDirectoryAdvice}`;
