//! Licence-plate recognition domain: detection, reading, tracking, voting. No I/O.
