//! Policy files → Policy; lint; compiling it for one cluster.
