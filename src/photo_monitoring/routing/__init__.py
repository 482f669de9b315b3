"""From alerts to people (guide 9.2): channels, routes, inhibition and texts, rendered for Alertmanager 0.25."""
