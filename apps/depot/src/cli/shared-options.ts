import { Option } from 'commander';
import { outputFormat, strategyName, strategyNames } from './arguments.ts';

/** Options that several commands have. */

export const strategyOption = (): Option =>
  new Option('--strategy <NAME>', `One of ${strategyNames.join(', ')}`)
    .argParser(strategyName)
    .default('planning', 'planning');

export const figuresOption = (): Option =>
  new Option('--figures <DIR>', 'Write figures (SVG) into this directory');

export const outputOption = (): Option =>
  new Option('--output <FORMAT>', 'table or json').argParser(outputFormat).default('table', 'table');

export const seedOption = (of: string): Option =>
  new Option('--seed <TEXT>', `Seed of ${of}`).default('1', '1');
