"""The WeChat Official Account: pushes come in over HTTP, answers go out in the response or by the platform's API."""
