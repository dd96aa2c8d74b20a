import { refusedFailure } from '../exit-codes.ts';

/** With fewer than these, a module that Node.js calls missing is one that it could not open. */
const fewOpenFiles = 128;

/**
 * Why what a replica consists of could not be loaded, though the command line was; anything that is no lack of file
 * descriptors is handed back as it is.
 */
export function loadFailure(error: unknown, limit = openFilesLimit()): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  const hidden = code === 'ERR_MODULE_NOT_FOUND' && limit < fewOpenFiles;
  if (code !== 'EMFILE' && code !== 'ENFILE' && !hidden) return error;
  return refusedFailure(
    'there are not enough file descriptors to start: raise the limit of open files ("ulimit -n", LimitNOFILE= of systemd). Nothing was done.',
  );
}

/** Infinity where there is none, or it is not known. */
function openFilesLimit(): number {
  const report: { userLimits?: { open_files?: { soft?: number | string } } } =
    process.report?.getReport() ?? {};
  const soft = report.userLimits?.open_files?.soft;
  return typeof soft === 'number' ? soft : Number.POSITIVE_INFINITY;
}
