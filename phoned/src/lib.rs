//! phoned
