"""Who may talk to the service, and how: hosts, origins, proxies, headers."""
