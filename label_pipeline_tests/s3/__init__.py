"""The same project under s3://, against a real moto server in a process of its own."""
