"""Several worker processes under one roof: started, restarted, scaled by load, shown as one."""
