"""What people reach over HTTP: pages, sign-in, the phone's API, reports and the command line."""
