/** What to do when a data directory is of no use any more: members cannot be replaced yet. */
export const lostDirectoryAdvice =
  'The others go on without it, as long as they are a majority. To have all replicas again, save a backup from one that ' +
  'runs (quorate snapshot save) and restore it into a new cluster (quorate snapshot restore for each member); if this was ' +
  'the only replica, restore the last backup.';

/** The same, where files may merely have been moved. What an older copy would forget was promised to the others. */
export const lostFilesAdvice = `If files of this directory were moved, put them back; an older copy will not do. If they are lost: ${lostDirectoryAdvice}`;
