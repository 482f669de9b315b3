"""Runs the service and its monitoring on one machine: processes, load balancer, traffic, faults."""
