"""What people see: the report as plain data, and its renderings as page, terminal text and exports."""
