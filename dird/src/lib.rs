//! dird
