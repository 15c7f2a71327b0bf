// #region config
export default { optimizeDeps: { exclude: ['kindex'] } };
// #endregion
