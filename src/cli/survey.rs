//! `selectors check`: a live portal against a map. Placeholder until the module is complete.
