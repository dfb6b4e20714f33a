"""What is known beside a record: whose an address is, what the sensors found, and how the sensors are."""
