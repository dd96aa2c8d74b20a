/** The largest scenario that is accepted; above it memory, not time, would be the end. */
export const limits = {
  /** Charging processes in one scenario. */
  processes: 20_000,
  nodes: 50_000,
  steps: 10_000,
  /** Length of a step, s: nobody commands vehicles more often, and coefficients of the programs stay of one size. */
  stepSeconds: { min: 1, max: 86_400 },
  /** Efficiency in either direction; losses above this are a mistake, and would make penalties too great to compute with. */
  efficiency: { min: 0.1, max: 1 },
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
