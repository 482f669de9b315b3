"""The console: the same dashboards, alerts, runbooks and silences in a browser, without Grafana."""
