echo running {{ word }}
