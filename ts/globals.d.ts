/** On workerd and other edge runtimes an import of a wasm file is the compiled module. */
declare module '*.wasm' {
  const module: WebAssembly.Module;
  export default module;
}
