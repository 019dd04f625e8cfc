"""What the cases stand on: a real server, real runners, the wire below the SDK, and stub services."""
