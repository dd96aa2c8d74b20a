import path from 'node:path';
import { type Finding, lineOf, type SourceFile } from './source-files.ts';

const link = /\[[^\]\n]*\]\(<?([^()\s>]+)>?(?:\s+"[^"]*")?\)/g;

/**
 * Links from a Markdown file to a file of the repository, or to a heading, must lead somewhere. `exists` tells of paths
 * relative to the root.
 */
export function checkDocLinks(files: readonly SourceFile[], exists: (path: string) => boolean): Finding[] {
  const documents = new Map(
    files.filter((file) => file.path.endsWith('.md')).map((file) => [file.path, file]),
  );
  return [...documents.values()].flatMap((file) => {
    const text = withoutCode(file.text);
    return [...text.matchAll(link)].flatMap((match) => {
      const problem = brokenBy(file.path, match[1] ?? '', documents, exists);
      return problem === undefined
        ? []
        : [{ path: file.path, line: lineOf(text, match.index), message: problem }];
    });
  });
}

function brokenBy(
  from: string,
  target: string,
  documents: ReadonlyMap<string, SourceFile>,
  exists: (path: string) => boolean,
): string | undefined {
  if (/^[a-z][a-z0-9+.-]*:/i.test(target)) return undefined;
  const [file = '', anchor] = decodeURIComponent(target).split('#');
  if (file.startsWith('/')) return `${target} begins with "/": links are relative to the file`;
  const wanted = file === '' ? from : path.posix.normalize(path.posix.join(path.posix.dirname(from), file));
  if (wanted.startsWith('../')) return `${target} leads out of the repository`;
  if (!exists(wanted)) return `${target} leads nowhere: there is no ${wanted}`;
  const document = documents.get(wanted);
  if (anchor === undefined || document === undefined) return undefined;
  return headingAnchors(document.text).has(anchor) ? undefined : `${target}: ${wanted} has no such heading`;
}

/** Anchors of headings, by GitHub's rules. */
function headingAnchors(markdown: string): ReadonlySet<string> {
  const anchors = new Set<string>();
  for (const [, heading = ''] of withoutFences(markdown).matchAll(/^#{1,6}\s+(.+?)\s*#*$/gm)) {
    const plain = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1');
    const slug = plain
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\p{Pc}\- ]/gu, '')
      .replaceAll(' ', '-');
    let anchor = slug;
    for (let twin = 1; anchors.has(anchor); twin++) anchor = `${slug}-${twin}`;
    anchors.add(anchor);
  }
  return anchors;
}

const blank = (text: string): string => text.replace(/[^\n]/g, ' ');

const withoutFences = (markdown: string): string =>
  markdown.replace(/^( *)(```+|~~~+)[^\n]*\n[\s\S]*?^ *\2[^\n]*$/gm, blank);

const withoutCode = (markdown: string): string => withoutFences(markdown).replace(/`[^`\n]+`/g, blank);
