"""The web console: what goes on, the dead letters, the contracts, the topology; and its doors."""
