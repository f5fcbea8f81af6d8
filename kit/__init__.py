"""How any service of ours runs: settings, connections, logs, health, metrics, problems. Knows nothing of actions."""
