//! What stands for AWS in tests, held against AWS's own clients.

mod lambda;
