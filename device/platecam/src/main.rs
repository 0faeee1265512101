//! Platecam: wires the parts together and owns no logic.

fn main() {}
