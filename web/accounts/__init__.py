"""Who somebody is: joining, coming back, signing in and out, here or elsewhere."""
