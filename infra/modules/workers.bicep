// Workers: one event-driven job a machine class, from zero by the length of its queue. A replica drains the queue before it leaves.
import { identityRef, machineClass } from 'types.bicep'

param location string
param tags object
param suffix string
param machines machineClass[]
param imageTag string
param longestReplicaHours int
param workspace string
param worker identityRef
param scaler identityRef
param pull identityRef
param registryServer string
param blobEndpoint string
param busEndpoint string
param busName string
param logsName string

@description('Subnet that the environment is put into; empty: a network of Azure\'s.')
param subnet string

resource logs 'Microsoft.OperationalInsights/workspaces@2023-09-01' existing = { name: logsName }

resource environment 'Microsoft.App/managedEnvironments@2025-01-01' = {
  name: 'cae-exp-${suffix}'
  location: location
  tags: tags
  properties: {
    appLogsConfiguration: { destination: 'azure-monitor' }
    vnetConfiguration: empty(subnet) ? null : { infrastructureSubnetId: subnet }
    workloadProfiles: [for profile in union(['Consumption'], map(machines, machine => machine.profile)): { name: profile, workloadProfileType: profile }]
  }
}

// Console output of the replicas; through diagnostic settings, because the direct way wants the log workspace's shared key.
resource console 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: environment
  name: 'console'
  properties: { workspaceId: logs.id, logs: [{ categoryGroup: 'allLogs', enabled: true }] }
}

resource jobs 'Microsoft.App/jobs@2025-01-01' = [for machine in machines: if (!empty(imageTag)) {
  name: 'worker-${machine.name}'
  location: location
  tags: tags
  identity: { type: 'UserAssigned', userAssignedIdentities: { '${worker.id}': {}, '${scaler.id}': {}, '${pull.id}': {} } }
  properties: {
    environmentId: environment.id
    workloadProfileName: machine.profile
    configuration: {
      triggerType: 'Event'
      replicaTimeout: longestReplicaHours * 3600
      // A run is tried again by its own record's budgets; a second mechanism beside them would start work that nobody asked for.
      replicaRetryLimit: 0
      registries: [{ server: registryServer, identity: pull.id }]
      // Only the worker's own identity can be used from inside the container.
      identitySettings: [
        { identity: worker.id, lifecycle: 'Main' }
        { identity: scaler.id, lifecycle: 'None' }
        { identity: pull.id, lifecycle: 'None' }
      ]
      eventTriggerConfig: {
        parallelism: 1
        replicaCompletionCount: 1
        scale: {
          minExecutions: 0
          maxExecutions: machine.replicas
          pollingInterval: 10
          rules: [
            {
              name: 'queue'
              type: 'azure-servicebus'
              identity: scaler.id
              metadata: { namespace: busName, queueName: 'runs-${machine.name}', messageCount: '1' }
            }
          ]
        }
      }
    }
    template: {
      containers: [
        {
          name: 'worker'
          image: '${registryServer}/worker-${machine.gpu ? 'cuda' : 'cpu'}:${imageTag}'
          resources: { cpu: json(machine.cpu), memory: machine.memory }
          env: [
            { name: 'EXP_BLOB_ENDPOINT', value: blobEndpoint }
            { name: 'EXP_SERVICEBUS', value: busEndpoint }
            { name: 'EXP_WORKSPACE', value: workspace }
            { name: 'EXP_MACHINE', value: machine.name }
            { name: 'EXP_GPU', value: machine.gpu ? 'true' : 'false' }
            // Clouds end a replica within 60 s of telling it; the code's grace and the hand-back must fit in.
            { name: 'EXP_LEASE', value: '00:00:45' }
            { name: 'EXP_EXIT_WHEN_IDLE', value: '00:02:00' }
            { name: 'EXP_LIFETIME', value: '${longestReplicaHours}:00:00' }
            { name: 'AZURE_CLIENT_ID', value: worker.clientId }
          ]
        }
      ]
    }
  }
}]
