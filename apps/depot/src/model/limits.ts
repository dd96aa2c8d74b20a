/** The largest scenario that is accepted; above it memory, not time, would be the end. */
export const limits = {
  /** Charging processes in one scenario. */
  processes: 20_000,
  nodes: 50_000,
  steps: 10_000,
  /** Processes times steps: entries of one table of a plan. */
  cells: 20_000_000,
  /** kW of one device or node. */
  powerKw: 1e6,
  /** kWh of one battery. */
  energyKwh: 1e5,
  /** EUR per kWh, either sign. */
  price: 100,
  /** Findings that are shown of an invalid scenario. */
  findings: 50,
} as const;
