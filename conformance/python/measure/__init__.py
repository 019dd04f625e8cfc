"""What is measured with the official SDK. No cases: numbers belong to a machine and are no test."""
