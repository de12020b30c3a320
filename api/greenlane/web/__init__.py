"""The HTTP face: authentication, schemas, problems, routes and pages."""
